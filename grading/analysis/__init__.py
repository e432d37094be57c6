"""What the preferences say: ratings, intervals, agreement, blindness, decisions. Numbers in, numbers out."""
