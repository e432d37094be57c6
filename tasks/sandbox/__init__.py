"""Run one command of somebody else's: bounded in time and size, walled in, and dead afterwards."""
