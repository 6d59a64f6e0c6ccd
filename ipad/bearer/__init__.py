"""Bearer back ends: who brings the data link up, and how the agent knows one link from the next."""
