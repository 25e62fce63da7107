"""What a person decides about a build: waive, force, revoke, adopt, cancel."""
