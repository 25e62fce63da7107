"""Interventions in a build: `bldst waive`, `force`, `revoke`, `adopt`, `bldst build cancel`."""
