"""Controls of a report card: memories that hold experience without learning from it, and an expert."""
