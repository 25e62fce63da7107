"""What people decided about builds: who, when and why."""
