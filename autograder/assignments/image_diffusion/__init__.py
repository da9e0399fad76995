"""Image diffusion on animal faces (KAIST CS479, assignment 3, task 2)."""
