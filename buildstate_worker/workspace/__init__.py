"""What is remembered of the machines that milestones have changed.

- `machine_state`: a working directory's memory, in files
- `one_run`: that memory while one command runs: emptied before it, written after its success
- `process_memory`: the memory of a process that runs many milestones, such as a flow
"""
