"""The pages that belong to no work: the front door, and what a person sets for themselves."""
