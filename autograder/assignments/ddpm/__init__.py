"""What is true of every right DDPM and DDIM implementation: one module for each region, shared by all assignments
with the KAIST interface.
"""
