"""One module for each equation or algorithm: what must hold of it in any course, in terms of the interface of the course."""
