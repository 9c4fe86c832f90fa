"""The page on which one watches a workbook learn: a server of one workbook for browsers on this machine."""
