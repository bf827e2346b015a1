"""The colours of Okabe and Ito (2008), which colour-blind readers can tell apart."""

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PINK = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#666666"
CYCLE = (BLUE, ORANGE, GREEN, VERMILION, PINK)
