"""Views, the data of charts: from summaries where there are some and from points elsewhere."""
