"""Tests that run twice: on the fakes always, and on the missions' own tools where they are installed."""
