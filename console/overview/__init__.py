"""总览 Where everything stands, on one screen."""
