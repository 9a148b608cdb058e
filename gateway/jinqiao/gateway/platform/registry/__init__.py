"""Who and what there is: products, devices, applications, access keys; and what is noted about a device."""
