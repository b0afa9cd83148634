"""What the stages of the pets workload share: photos, masks, the U-Net, its training and use."""
