DROP TABLE {child}
