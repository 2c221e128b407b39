"""What ./bench measures; scripts/bench.py is the way in."""
