"""Synthetic traffic for the benchmark: flows, what they say, and the pcap file they become."""
