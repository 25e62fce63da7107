"""What runs on a build machine: it asks the service, does the work, and moves the artifacts."""
