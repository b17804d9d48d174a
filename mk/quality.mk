# lint, format, sanitizers, fuzzing.
