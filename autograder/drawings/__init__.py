"""Pictures that a program draws from a prompt, and a classifier that says which of its contents a picture shows.

The program (drawings.py and what it imports) is given to students too: their folder links to it, so it imports nothing else of this
package. The classifier stands below grading and knows nothing of it, as the one of digits does. NumPy only, but for training.py.
"""
