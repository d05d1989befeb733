"""The verbs as tools for agents, over the Model Context Protocol: short results, and no file outside one folder."""
