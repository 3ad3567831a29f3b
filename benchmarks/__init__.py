"""Speed, as ratios against other tools in one run, and what is seen on real scans."""
