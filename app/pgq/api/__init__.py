"""The HTTP service: the same verbs and reads as the command line, for programs in any language."""
