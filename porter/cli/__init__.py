"""The command line: words become one library call, its result becomes text and an exit code."""
