"""What an experiment's preferences say: computed by a job, stored with masked arms, drawn as pages."""
