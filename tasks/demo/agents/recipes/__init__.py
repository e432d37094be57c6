"""What each hand does for each scenario, one file apiece: `work(desk)` is the whole session."""
