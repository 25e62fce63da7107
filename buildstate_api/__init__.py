"""The state service: routes → services → queries → tables, on PostgreSQL."""
