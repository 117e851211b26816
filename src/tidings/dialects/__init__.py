"""Front ends: one folder per cloud. One dialect never imports another."""
