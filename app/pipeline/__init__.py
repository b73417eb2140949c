"""Floor 3: the stories, one a file. Each is a plain function that every door calls, and each may be repeated safely."""
