"""How far the cells of a workbook reach, found out in little memory before its reader lays them all out."""
