"""What touches Prefect: its runs, the report on a flow run, the log of transfers."""
