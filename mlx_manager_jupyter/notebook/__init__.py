"""What a notebook cell can say: the magics and the functions behind them."""
