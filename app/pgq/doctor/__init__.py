"""Looks at the live system and names the fix for each finding; changes nothing. A check is a function in here."""
