"""From a laid-out graph to the classes of a readable source file: shared by every framework that is
written as code."""
