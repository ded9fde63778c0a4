"""The groups of tasks, a file each."""
