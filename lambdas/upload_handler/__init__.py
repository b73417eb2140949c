"""Received: a delivery that came straight to the bucket."""
