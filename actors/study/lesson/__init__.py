"""What a lesson is made of and held against: its passages, its text, its grade."""
