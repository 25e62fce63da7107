"""`bldst run`: makes one step of any pipeline resumable."""
