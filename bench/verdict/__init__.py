"""How often is the verdict wrong, and how soon is it right? Simulated releases, judged by ours and by others' rules."""
