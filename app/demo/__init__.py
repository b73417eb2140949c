"""Real data in Brazilian dress, for the demo and the benchmarks."""
