"""The class as one web page: what to look at first, what was misunderstood, and a table of everybody."""
