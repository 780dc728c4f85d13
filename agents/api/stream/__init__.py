"""Server push: one task reads Redis for everybody, each listener gets what its filter lets through, and resumes where it was."""
