/* A shared library that is no plugin. */
int just_a_library(void) { return 1; }
