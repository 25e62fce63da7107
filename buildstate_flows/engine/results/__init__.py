"""What milestones returned: as files on this worker, as records, and as lazy objects."""
