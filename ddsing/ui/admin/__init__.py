"""The page Admin of a hosted dashboard: people, jobs, devices, use and the log; never what somebody makes."""
