"""Small reusable pieces of networks; none of them knows what it is used for."""
