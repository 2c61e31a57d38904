"""Every model on one page: what is live, how it does, what is wrong, and the orders to give."""
