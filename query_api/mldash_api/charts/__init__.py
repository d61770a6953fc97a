"""What a chart needs: views, from summaries where there are some and from points elsewhere."""
