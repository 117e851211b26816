"""What the product does, independent of cloud, store and channel. Each function checks that its Grant fits, decides by the
domain's rules on what it read, and hands the store one Unit; on Conflict it reads again."""
