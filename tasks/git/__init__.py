"""Work on strangers' repositories with the git command, never with configuration they could have written."""
