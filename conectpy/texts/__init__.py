"""Every text for people: a code, and what it says in English and Spanish. Imports nothing of the house."""
