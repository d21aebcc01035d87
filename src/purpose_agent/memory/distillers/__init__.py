"""Distillers turn an episode into proposed lessons."""
